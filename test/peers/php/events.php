<?php
// Events once a second, ten minutes long, to whoever still listens. Notes in the file ?log=PATH when it begins and when it ends.

file_put_contents($_GET['log'], "begun\n", FILE_APPEND);
register_shutdown_function(fn () => file_put_contents($_GET['log'], "ended\n", FILE_APPEND));
header('Content-Type: text/event-stream');
for ($i = 0; $i < 600; $i++) {
    echo "data: $i\n\n";
    flush();
    sleep(1);
}
