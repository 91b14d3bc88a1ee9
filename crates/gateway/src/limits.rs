//! Limits of the gateway, so that one client cannot starve the rest.

use std::time::Duration;

/// How long a TLS or HTTP/2 handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the head of a request may take from its first byte on (slowloris).
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay without a flow: clients keep a few ready, to open flows fast.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// The largest head of a request, in bytes.
pub const MAX_HEADER_SIZE: usize = 16 << 10;
/// Connections whose device is not known yet, in all. Beyond, the oldest is closed.
pub const MAX_HANDSHAKES: usize = 1_024;
/// Connections from one address (of IPv6: from one /64 network) whose device is not known yet. More
/// are closed at once.
pub const MAX_HANDSHAKES_PER_SITE: usize = 256;
/// Flows of one device.
pub const MAX_FLOWS_PER_DEVICE: usize = 512;
/// Flows of one user, from all their devices, unless the administrator says otherwise.
pub const MAX_FLOWS_PER_USER: usize = 1_024;
/// Connections of one device.
pub const MAX_CONNECTIONS_PER_DEVICE: usize = 640;
/// Connections of one user beyond their flows: those that clients keep ready.
pub const MAX_READY_PER_USER: usize = 256;
/// Flows of one device that are being resolved and connected.
pub const MAX_OPENING_PER_DEVICE: usize = 128;
/// Flows in all.
pub const MAX_FLOWS: usize = 20_000;
/// How long the first bytes of a flow may leave open what they begin, when its user may use whatever
/// is there.
pub const UNCLEAR_TIMEOUT: Duration = Duration::from_millis(250);
/// The same, when its user may not.
pub const SHARED_UNCLEAR_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a name may take to be resolved.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Names of one device that are being looked up.
pub const MAX_LOOK_UPS_PER_DEVICE: usize = 32;
/// Names of all devices of one user that are being looked up.
pub const MAX_LOOK_UPS_PER_USER: usize = 64;
/// How long the destination may take to accept.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
pub const MAX_ADDRESSES: usize = 16;
/// How long flows may take to be gone once they are cut, before the stream is given up.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Failed handshakes of one address or /64 network are logged at most this often.
pub const LOG_INTERVAL: Duration = Duration::from_secs(1);
/// That file descriptors are used up is logged at most this often.
pub const SHORTAGE_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// Size of one read or write, in bytes; also the largest HTTP/2 frame. tokio's 8 KiB cost
/// 25 % more CPU a byte.
pub const CHUNK: usize = 64 << 10;
/// Largest window of one HTTP/2 stream, in bytes: 64 KiB would cap it at 26 Mbit/s at
/// 20 ms.
pub const MAX_STREAM_WINDOW: u32 = 4 << 20;
/// Smallest window of one HTTP/2 stream, in bytes.
pub const MIN_STREAM_WINDOW: u32 = 16 << 10;
/// Largest window of one HTTP/2 connection, in bytes.
pub const MAX_CONNECTION_WINDOW: u32 = 8 << 20;
/// Smallest window of one HTTP/2 connection, in bytes: a connection that finds less room is closed.
pub const MIN_CONNECTION_WINDOW: u32 = 256 << 10;
/// HTTP/2 connections of one device.
pub const MAX_HTTP2_PER_DEVICE: usize = 4;
/// Windows of all HTTP/2 connections of one device, in bytes.
pub const MAX_DEVICE_WINDOWS: u32 = 32 << 20;
/// Windows of all HTTP/2 connections of one user, in bytes.
pub const MAX_USER_WINDOWS: u32 = 64 << 20;
/// Windows of all HTTP/2 connections, in bytes.
pub const MAX_ALL_WINDOWS: u32 = 512 << 20;
/// Send buffer of one HTTP/2 stream, in bytes.
pub const MAX_SEND_BUFFER: usize = 128 << 10;
/// Unsent bytes that the kernel buffers for one connection (`TCP_NOTSENT_LOWAT`).
pub const MAX_UNSENT: u32 = 128 << 10;
/// Streams on one HTTP/2 connection.
pub const MAX_STREAMS: u32 = 256;
/// TLS sessions that are remembered for resumption.
pub const MAX_TLS_SESSIONS: usize = 8_192;
