<?php
// Shows the parameters as PHP has them: names, and values in hexadecimal, since they may be any bytes.

$shown = [];
foreach ($_SERVER as $name => $value) {
    if (is_string($value)) {
        $shown[bin2hex((string) $name)] = bin2hex($value);
    }
}
header('Content-Type: application/json');
echo json_encode($shown);
