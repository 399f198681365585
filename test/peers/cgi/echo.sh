#!/bin/sh
# A CGI script in shell: says how it was called, and the SHA-256 of its standard input. It reads before it writes, since
# fcgiwrap takes no output before the script has taken all of its input.

digest=$(sha256sum | cut -d ' ' -f 1)
printf 'Content-Type: text/plain\r\nX-Method: %s\r\n\r\n' "$REQUEST_METHOD"
printf 'uri=%s\npath=%s\nquery=%s\nlength=%s\nsha256=%s\n' "$REQUEST_URI" "$PATH_INFO" "$QUERY_STRING" "$CONTENT_LENGTH" "$digest"
