// The systemd units for a pool of FastCGI workers, and for fcgi-lb in front of it, as text.

import type { Address } from '../core/address.ts';

export interface UnitsSettings {
  readonly name: string;
  /** The worker's command line, in systemd's own syntax. */
  readonly exec: string;
  readonly instances: number;
  /** Path of the workers' sockets, with %i where the instance goes. */
  readonly socket: string;
  readonly user: string;
  readonly group: string;
  readonly listen: Address;
  /** The program and the words that run this very fcgi-lb. */
  readonly command: readonly string[];
}

export interface UnitFile {
  readonly name: string;
  readonly text: string;
}

export function unitFiles(settings: UnitsSettings): readonly UnitFile[] {
  const worker = `${settings.name}-fastcgi@`;
  return [
    { name: `${worker}.socket`, text: workerSocket(settings) },
    { name: `${worker}.service`, text: workerService(settings) },
    { name: 'fcgi-lb.socket', text: publicSocket(settings) },
    { name: 'fcgi-lb.service', text: balancerService(settings) },
  ];
}

/** What to type once the files are in place. */
export function installLines({ name, instances }: UnitsSettings): readonly string[] {
  const workers = Array.from({ length: instances }, (_, index) => `${name}-fastcgi@${index + 1}.socket`);
  return [
    'systemctl daemon-reload',
    `systemctl enable --now ${workers.join(' ')}`,
    'systemctl enable --now fcgi-lb.socket fcgi-lb.service',
  ];
}

function workerSocket({ name, socket, user, group }: UnitsSettings): string {
  return `# The socket of one FastCGI worker: systemd listens, so a worker that restarts refuses nobody.
[Unit]
Description=Socket of FastCGI worker %i of ${name}

[Socket]
ListenStream=${socket}
# Who may connect may have the worker do anything: fcgi-lb is in this group, others are not.
SocketUser=${user}
SocketGroup=${group}
SocketMode=0660
# A worker that is stopped for good leaves the pool with its socket.
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`;
}

function workerService({ name, exec, user, group }: UnitsSettings): string {
  return `# One FastCGI worker. It finds its listening socket at descriptor 0, as FastCGI has it.
[Unit]
Description=FastCGI worker %i of ${name}
Requires=${name}-fastcgi@%i.socket
After=network.target ${name}-fastcgi@%i.socket
# One that ends after a number of requests, as many do against leaks, must not be given up for it.
StartLimitIntervalSec=0

[Service]
ExecStart=${exec}
StandardInput=socket
StandardOutput=journal
StandardError=journal
User=${user}
Group=${group}
Restart=always
RestartSec=1s
# Time for the request that runs.
TimeoutStopSec=60s
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full

[Install]
WantedBy=multi-user.target
`;
}

function publicSocket({ listen }: UnitsSettings): string {
  return `# Where clients connect. systemd listens: ports below 1024 need no privileges, and a restart refuses nobody.
[Unit]
Description=Socket of fcgi-lb

[Socket]
ListenStream=${listen.text}
FileDescriptorName=http
Backlog=4096

[Install]
WantedBy=sockets.target
`;
}

function balancerService({ name, socket, group, command }: UnitsSettings): string {
  const upstream = socket.replace('%i', '*');
  const words = ['serve', '--upstream', upstream, '--listen', 'systemd:http', '--admin', '127.0.0.1:9180'];
  const run = [...command, ...words, '--admin', 'unix:/run/fcgi-lb/admin.sock', '--log-format', 'json'];
  // Hidden, they could not be run.
  const home = command.some((word) => /^\/(?:home|root|run\/user)\//.test(word)) ? 'read-only' : 'yes';
  return `# HTTP in front of the workers of ${name}.
#   new configuration: systemctl reload fcgi-lb
#   new version:       kill -USR2 $(systemctl show -P MainPID fcgi-lb)    (no request is lost)
[Unit]
Description=fcgi-lb in front of ${name}
Requires=fcgi-lb.socket
After=network.target fcgi-lb.socket

[Service]
ExecStart=${run.map(quoted).join(' ')}
ExecReload=kill -HUP $MAINPID
# It tells systemd how it is by way of systemd-notify, a process of its own, and after an upgrade as another process.
Type=notify
NotifyAccess=all
WatchdogSec=30s
Restart=always
RestartSec=1s
# Longer than --shutdown-timeout.
TimeoutStopSec=40s
LimitNOFILE=65536

# A user of its own that owns no files. Of this group are the workers' sockets.
DynamicUser=yes
SupplementaryGroups=${group}
RuntimeDirectory=fcgi-lb
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=${home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0027
# Not MemoryDenyWriteExecute: node compiles while it runs.

[Install]
WantedBy=multi-user.target
`;
}

/**
 * A word of a command line, quoted so that systemd finds no variable, specifier or end of the word
 * in it.
 */
function quoted(word: string): string {
  const plain = word.replace(/%/g, '%%').replace(/\$/g, '$$$$');
  if (/^[\w@%+=:,./*?[\]{}$-]+$/.test(plain)) return plain;
  return `"${plain.replace(/[\\"]/g, '\\$&')}"`;
}
