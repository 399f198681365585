<?php
// Sets the status in the way that ?by= says, and sends the body "the body\n" with every one of them.

switch ($_GET['by']) {
    case 'code':
        http_response_code((int) $_GET['code']);
        break;
    case 'status-header':
        header('Status: 404');
        break;
    case 'status-line':
        header('HTTP/1.1 299 Quite Fine, Thanks');
        break;
    case 'location':
        header('Location: /elsewhere?a=b');
        break;
}
echo "the body\n";
