<?php
// Fails for good: half-way through its output with ?after=output, before any without.

header('Content-Type: text/plain');
if (isset($_GET['after'])) {
    echo "so far so good\n";
    flush();
}
there_is_no_such_function();
