import { serverEnvironment, type Layout, type Server } from '../layout.js'
import { accepts } from '../probe.js'
import { bodyLimitBytes } from '../storefront/config.js'

/**
 * The front door: TLS, and the two API instances behind it. Only what cannot be done twice is not tried on the other one. A body that is too
 * large ends here: an instance that refuses it closes the connection, which may reach Nginx before the answer does.
 */
export function nginxServer (layout: Layout): Server {
  const { base, ports, tools, user } = layout
  const file = `${base}/conf/nginx.conf`
  const pidFile = `${base}/run/nginx.pid`
  const log = `${base}/log/nginx-error.log`
  const text = `daemon off;
worker_processes 1;
pid ${pidFile};
error_log ${log} warn;
events { worker_connections 256; }
http {
  access_log off;
  server_tokens off;
  client_max_body_size ${bodyLimitBytes};
  client_body_temp_path ${base}/ngx/body;
  proxy_temp_path ${base}/ngx/proxy;
  fastcgi_temp_path ${base}/ngx/fcgi;
  uwsgi_temp_path ${base}/ngx/uwsgi;
  scgi_temp_path ${base}/ngx/scgi;
  upstream api {
    zone api 64k;
    server 127.0.0.1:${ports.api1} max_fails=2 fail_timeout=2s;
    server 127.0.0.1:${ports.api2} max_fails=2 fail_timeout=2s;
    keepalive 16;
  }
  server {
    listen 127.0.0.1:${ports.http};
    return 301 https://$host:${ports.https}$request_uri;
  }
  server {
    listen 127.0.0.1:${ports.https} ssl http2;
    ssl_certificate ${base}/tls/web.crt;
    ssl_certificate_key ${base}/tls/web.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets off;
    add_header Strict-Transport-Security "max-age=31536000" always;
    location = /metrics { return 404; }
    error_page 413 @tooLarge;
    location @tooLarge {
      default_type application/json;
      return 413 '{"code":"input.invalid","message":"The body is too large","requestId":"$request_id"}';
    }
    location /assets/ { root ${base}; }
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
      proxy_connect_timeout 300ms;
      proxy_read_timeout 3s;
      proxy_next_upstream error timeout http_502 http_503;
      proxy_next_upstream_tries 2;
    }
  }
}
`
  return {
    name: 'nginx',
    port: ports.https,
    files: { [file]: text },
    control: {
      kind: 'process',
      pidFile,
      match: file,
      start: {
        command: tools.nginx.path,
        args: ['-e', log, '-p', `${base}/`, '-c', file],
        cwd: base,
        env: serverEnvironment(layout, tools.nginx),
        ...user,
        log: `${base}/log/nginx.log`,
      },
      stopSignal: 'SIGTERM',
      blockFile: file,
      staleFiles: [pidFile],
    },
    answers: () => accepts(ports.https),
  }
}
