<?php
// Sends a first part and flushes it, then waits until the file ?go=PATH exists, then sends the second part.
// ?length=N announces a Content-Length; ?die=1 kills the process instead of sending the second part.

header('Content-Type: text/plain');
header('X-Accel-Buffering: no');
if (isset($_GET['length'])) {
    header('Content-Length: ' . (int) $_GET['length']);
}
echo "first\n";
flush();
$deadline = microtime(true) + 20;
while (!file_exists($_GET['go'])) {
    if (microtime(true) > $deadline) {
        echo "nobody said go\n";
        exit;
    }
    usleep(2000);
    clearstatcache();
}
if (isset($_GET['die'])) {
    exec('kill -KILL ' . getmypid());
}
echo "second\n";
