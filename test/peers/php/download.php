<?php
// Sends ?mib=N MiB: block after block of 64 KiB, each the raw SHA-256 of its number, repeated. ?length=1 announces the length.

$blocks = (int) $_GET['mib'] * 16;
header('Content-Type: application/octet-stream');
if (isset($_GET['length'])) {
    header('Content-Length: ' . $blocks * 65536);
}
for ($number = 0; $number < $blocks; $number += 1) {
    echo str_repeat(hash('sha256', (string) $number, true), 2048);
}
