#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hourkey_gateway::fuzz::sniffer(bytes));
