// Makes the settings of the program as a whole of what the file says of them.

import type { ListenAddress } from '../../core/address.ts';
import type { RawServer } from '../gathered.ts';
import type { RequestIdSettings } from '../request-id.ts';
import type { AdminSettings, ServerSettings } from '../settings.ts';

/**
 * All but the alerts, of which a file alone speaks.
 * @param preset what holds where `raw` says nothing
 */
export function serverSettings(raw: RawServer, preset: Omit<ServerSettings, 'alerts'>): Omit<ServerSettings, 'alerts'> {
  const { listen, client } = raw;
  return {
    listen: listen === undefined ? preset.listen : oneOrMore(listen),
    admin: raw.admin === undefined ? preset.admin : adminSettings(raw.admin),
    trustedProxies: raw.trusted_proxies === undefined ? preset.trustedProxies : listOf(raw.trusted_proxies),
    healthPath: raw.health_path === undefined ? preset.healthPath : raw.health_path.path,
    adminToken: raw.admin_token_file ?? preset.adminToken,
    client: {
      maxHeader: client?.max_header ?? preset.client.maxHeader,
      headerTimeout: client?.header_timeout ?? preset.client.headerTimeout,
      bodyTimeout: client?.body_timeout ?? preset.client.bodyTimeout,
      sendTimeout: client?.send_timeout ?? preset.client.sendTimeout,
      keepAliveTimeout: client?.keepalive ?? preset.client.keepAliveTimeout,
    },
    tempDir: raw.temp_dir ?? preset.tempDir,
    ...accessLog(raw.access_log, preset),
    logLevel: raw.log_level ?? preset.logLevel,
    logFormat: raw.log_format ?? preset.logFormat,
    requestId: requestId(raw.request_id, preset.requestId),
    shutdownTimeout: raw.shutdown_timeout ?? preset.shutdownTimeout,
    upgradeTimeout: raw.upgrade_timeout ?? preset.upgradeTimeout,
  };
}

function accessLog(
  raw: RawServer['access_log'],
  preset: Omit<ServerSettings, 'alerts'>,
): Pick<ServerSettings, 'accessLog' | 'accessLogFormat'> {
  const { accessLog, accessLogFormat } = preset;
  if (raw === undefined || 'kind' in raw) return { accessLog: raw ?? accessLog, accessLogFormat };
  return { accessLog: raw.to ?? accessLog, accessLogFormat: raw.format ?? accessLogFormat };
}

function requestId(raw: RawServer['request_id'], preset: RequestIdSettings): RequestIdSettings {
  if (raw === 'off') return { header: undefined, trust: [] };
  return { header: raw?.header ?? preset.header, trust: raw?.trust ?? preset.trust };
}

function adminSettings(raw: ListenAddress | 'off' | readonly ListenAddress[]): AdminSettings {
  return raw === 'off' ? { kind: 'off' } : { kind: 'addresses', addresses: oneOrMore(raw) };
}

function listOf<T extends object>(raw: T | readonly T[]): readonly T[] {
  return Array.isArray(raw) ? (raw as readonly T[]) : [raw as T];
}

function oneOrMore(raw: ListenAddress | readonly ListenAddress[]): readonly ListenAddress[] {
  return 'kind' in raw ? [raw] : raw;
}
