// Configurations of nginx and HAProxy, as a careful operator would write them for single-request
// workers.

import type { Place } from './command.ts';

export interface NginxOptions {
  /** nginx's default is round robin. */
  readonly balance?: 'least_conn';
  /**
   * Idle connections to workers that are kept; without it each request has a connection of its own,
   * which is the default.
   */
  readonly keepalive?: number;
  /** nginx's default leaves a server out for 10 s after one failure; 0 never does. */
  readonly maxFails?: number;
}

/**
 * What Debian's fastcgi_params sends, and PATH_INFO, so that all front ends send about the same.
 */
const FASTCGI_PARAMS = {
  QUERY_STRING: '$query_string',
  REQUEST_METHOD: '$request_method',
  CONTENT_TYPE: '$content_type',
  CONTENT_LENGTH: '$content_length',
  SCRIPT_NAME: '$fastcgi_script_name',
  PATH_INFO: '$fastcgi_script_name',
  REQUEST_URI: '$request_uri',
  DOCUMENT_URI: '$document_uri',
  DOCUMENT_ROOT: '$document_root',
  SERVER_PROTOCOL: '$server_protocol',
  REQUEST_SCHEME: '$scheme',
  GATEWAY_INTERFACE: 'CGI/1.1',
  SERVER_SOFTWARE: 'nginx/$nginx_version',
  REMOTE_ADDR: '$remote_addr',
  REMOTE_PORT: '$remote_port',
  SERVER_ADDR: '$server_addr',
  SERVER_PORT: '$server_port',
  SERVER_NAME: '$server_name',
  REDIRECT_STATUS: '200',
} as const;

/** One worker process, no access log, everything else at its default. */
export function nginxConf(
  { balance, keepalive, maxFails }: NginxOptions,
  folder: string,
  place: Place,
  workers: readonly string[],
): string {
  const listen = 'path' in place ? `unix:${place.path}` : `${place.host}:${place.port}`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr emerg;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  upstream workers {
    ${balance === undefined ? '' : `${balance};`}
    ${workers.map((path) => `server unix:${path}${maxFails === undefined ? '' : ` max_fails=${maxFails}`};`).join('\n    ')}
    ${keepalive === undefined ? '' : `keepalive ${keepalive};`}
  }
  server {
    listen ${listen};
    location / {
      fastcgi_pass workers;
      ${keepalive === undefined ? '' : 'fastcgi_keep_conn on;'}
      ${Object.entries(FASTCGI_PARAMS)
        .map(([name, value]) => `fastcgi_param ${name} ${value};`)
        .join('\n      ')}
    }
  }
}
`;
}

/**
 * One thread; one request at a time on each worker, the rest in HAProxy's own queue; what is
 * idempotent is sent again when a worker dies with it.
 */
export function haproxyConf(place: Place, workers: readonly string[]): string {
  const bind = 'path' in place ? `unix@${place.path}` : `${place.host}:${place.port}`;
  return `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout queue 30s
  timeout client 75s
  timeout server 60s
fcgi-app app
  docroot /
  no option keep-conn
frontend http
  bind ${bind}
  default_backend workers
backend workers
  balance leastconn
  use-fcgi-app app
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response response-timeout
  http-request disable-l7-retry if METH_POST
  ${workers.map((path, index) => `server w${index + 1} unix@${path} proto fcgi maxconn 1`).join('\n  ')}
`;
}
