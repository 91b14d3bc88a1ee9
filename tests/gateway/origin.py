"""A web server for the tests: says what it was asked, echoes by WebSocket, and takes git pushes.

Arguments: a port of 127.0.0.1, and a folder of git repositories.
"""
import asyncio
import json
import sys

from aiohttp import WSMsgType, web


async def echo(request):
    body = await request.read()
    answer = {
        "method": request.method,
        "path": request.raw_path,
        "length": len(body),
        "coding": request.headers.get("Transfer-Encoding", ""),
        "host": request.headers.get("Host", ""),
    }
    return web.json_response(answer)


async def websocket(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str("echo " + message.data)
    return socket


async def git(request):
    """RFC 3875, as far as git-http-backend(1) needs it."""
    body = await request.read()
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GIT_PROJECT_ROOT": sys.argv[2],
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "http.receivepack",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path.removeprefix("/git"),
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
    }
    if "Content-Encoding" in request.headers:
        environment["HTTP_CONTENT_ENCODING"] = request.headers["Content-Encoding"]
    backend = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await backend.communicate(body)
    head, _, answer = output.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(fields.pop("Status", "200").split()[0])
    return web.Response(status=status, headers=fields, body=answer)


application = web.Application(client_max_size=1 << 30)
application.router.add_route("*", "/git/{path:.*}", git)
application.router.add_get("/ws", websocket)
application.router.add_route("*", "/{path:.*}", echo)
web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None)
