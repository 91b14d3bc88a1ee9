"""What curl(1) does with --proxy-http2, by libcurl: its exit code, its output, what it says.

Usage: curl.py PROXY AUTHORITY CERTIFICATE KEY METHOD URL
"""

import sys

import pycurl

# CURLPROXY_HTTPS2 of curl/curl.h (8.1 and later), for which pycurl has no name.
HTTPS2 = 3

proxy, authority, certificate, key, method, url = sys.argv[1:]


def say(kind, text):
    if kind == pycurl.INFOTYPE_TEXT:
        sys.stderr.buffer.write(text)


curl = pycurl.Curl()
for option, value in [
    (pycurl.URL, url),
    (pycurl.CUSTOMREQUEST, method),
    (pycurl.HTTP09_ALLOWED, True),
    (pycurl.PROXY, proxy),
    (pycurl.PROXYTYPE, HTTPS2),
    (pycurl.HTTPPROXYTUNNEL, True),
    (pycurl.PROXY_CAINFO, authority),
    (pycurl.PROXY_SSLCERT, certificate),
    (pycurl.PROXY_SSLKEY, key),
    (pycurl.VERBOSE, True),
    (pycurl.DEBUGFUNCTION, say),
    (pycurl.WRITEDATA, sys.stdout.buffer),
]:
    curl.setopt(option, value)
try:
    curl.perform()
except pycurl.error as error:
    code, text = error.args
    print(text, file=sys.stderr)
    sys.exit(code)
