<?php
// The index of a directory.

require __DIR__ . '/../env.php';
