<?php
// The front controller.

require __DIR__ . '/env.php';
