<?php
// Waits until ?of=N requests are here at the same time, each leaving a file in the directory ?at=PATH, and says whether they were.

file_put_contents($_GET['at'] . '/' . getmypid(), '');
$deadline = microtime(true) + 20;
do {
    $here = count(glob($_GET['at'] . '/*'));
    if ($here >= (int) $_GET['of']) {
        break;
    }
    usleep(2000);
} while (microtime(true) < $deadline);
echo "$here together";
