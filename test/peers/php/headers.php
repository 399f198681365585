<?php
// Sends headers of unusual forms.

header('Content-Type: text/plain; charset=iso-8859-1');
for ($number = 1; $number <= 12; $number += 1) {
    setcookie("cookie$number", "value $number");
}
header("X-Latin1: caf\xe9");
header("X-Utf8: caf\xc3\xa9");
header('X-Empty:');
header('X-Many: one');
header('X-Many: two', false);
header('X-Long: ' . str_repeat('l', 12000));
header('Connection: close');
header('Keep-Alive: timeout=1');
header('Transfer-Encoding: chunked');
header('X-Accel-Redirect: /internal/secret');
header('X-Accel-Buffering: no');
echo 'done';
