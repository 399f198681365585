<?php
// Reads the body and says what came: its announced length, its length and its SHA-256.

$body = fopen('php://input', 'rb');
$hash = hash_init('sha256');
$length = hash_update_stream($hash, $body);
header('Content-Type: application/json');
echo json_encode([
    'contentLength' => $_SERVER['CONTENT_LENGTH'] ?? null,
    'transferEncoding' => $_SERVER['HTTP_TRANSFER_ENCODING'] ?? null,
    'contentType' => $_SERVER['CONTENT_TYPE'] ?? null,
    'length' => $length,
    'sha256' => hash_final($hash),
]);
