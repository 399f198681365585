// From a configuration file to settings, or to a list of all that is wrong with it.

import type { ListenAddress } from '../core/address.ts';
import type { ConfigHost } from './config-host.ts';
import { ALERT_DEFAULTS, ROUTE_DEFAULTS, serverDefaults } from './defaults.ts';
import type { ConfigReader, Gathered } from './gathered.ts';
import { overlaps } from './overlaps.ts';
import { ConfigFileError, pathOf, placeText, type SourcePosition } from './problem.ts';
import { Report } from './report.ts';
import { alertSettings } from './resolve/alerts.ts';
import { checkPool, poolSettings } from './resolve/pool.ts';
import { type KnownPools, matchText, routeSettings } from './resolve/route.ts';
import { serverSettings } from './resolve/server.ts';
import { checkPoolTemplates } from './resolve/template.ts';
import type { RouteSettings } from './route.ts';
import type { Settings } from './settings.ts';
import { gather } from './yaml/gather.ts';

/** The reader of each language that a configuration may be written in. */
const READERS = { yaml: gather } as const satisfies Record<string, ConfigReader>;

export interface LoadedConfig {
  readonly settings: Settings;
  /** Every file that was read, as messages name it. */
  readonly files: readonly string[];
}

/**
 * @param path of the file; relative paths in it start at its directory
 * @throws ConfigFileError with every problem of the file and of those that it includes
 */
export function loadConfig(path: string, host: ConfigHost): LoadedConfig {
  const report = new Report();
  const gathered = READERS.yaml(path, host, report);
  const { server, pools, mentioned, files } = gathered;
  const top: SourcePosition = { file: path, line: 1, column: 1 };
  const known: KnownPools = { byName: pools, names: new Set(mentioned.pools.keys()), all: gathered.whole };
  const settings: Settings = {
    ...serverSettings(server, serverDefaults(host)),
    alerts: server.alerts === undefined ? ALERT_DEFAULTS : alertSettings(server.alerts, report),
    pools: [...pools].map(([name, raw]) => poolSettings(name, raw)),
    routes: routesOf(gathered, known, top, report),
  };
  checkOverlaps(gathered, report);
  for (const pool of pools.values()) {
    checkPool(pool, report);
    checkPoolTemplates(pool, report);
  }
  const problems = report.problems(files);
  if (problems.length > 0) throw new ConfigFileError(path, problems);
  return { settings, files };
}

function checkOverlaps({ server: { listen, admin }, places }: Gathered, report: Report): void {
  const asked = [...placed('listen', listen, places, report), ...(admin === 'off' ? [] : placed('admin', admin, places, report))];
  for (const { at, before, what } of overlaps(asked.map(({ address }) => address))) {
    const [one, other] = [asked[at], asked[before]];
    if (one === undefined || other === undefined) continue;
    report.add(one.place, one.path, `${what} at ${placeText(other.place)}; one of the two is enough`);
  }
}

/** Addresses with where they stand. */
function placed(
  key: 'listen' | 'admin',
  given: ListenAddress | readonly ListenAddress[] | undefined,
  places: ReadonlyMap<string, SourcePosition>,
  report: Report,
) {
  const place = places.get(key);
  if (given === undefined || place === undefined) return [];
  if ('kind' in given) return [{ address: given, place, path: key as string }];
  return given.map((address, index) => ({ address, place: report.placeOf(given, index), path: pathOf(key, index) }));
}

function routesOf(gathered: Gathered, known: KnownPools, top: SourcePosition, report: Report): readonly RouteSettings[] {
  const { routes, mentioned } = gathered;
  if (!mentioned.routes) return impliedRoutes(gathered, top, report);
  const made = routes.flatMap((raw) => {
    const settings = routeSettings(raw, known, report);
    return settings === undefined ? [] : [{ raw, settings }];
  });
  const places = new Map<string, SourcePosition>();
  for (const { raw, settings } of made) {
    const text = matchText(raw, settings.match, report);
    if (text === undefined) continue;
    const before = places.get(text);
    if (before === undefined) places.set(text, report.placeOf(raw));
    else report.at(raw, undefined, `a route for the same requests is there already, at ${placeText(before)}`);
  }
  const settings = made.map((route) => route.settings);
  const reached = new Set(settings.flatMap((route) => (route.kind === 'pool' ? [route.pool] : [])));
  // A route with a mistake in it may be the one that was to lead there.
  const sound = gathered.whole && !report.concerns('routes');
  for (const [name, place] of mentioned.pools) {
    if (sound && !reached.has(name)) report.add(place, pathOf('pools', name), 'no route leads to this pool');
  }
  return settings;
}

/** A file that says nothing of routes means: everything to its only pool. */
function impliedRoutes({ mentioned, pools, whole }: Gathered, top: SourcePosition, report: Report): readonly RouteSettings[] {
  const [only] = mentioned.pools.keys();
  if (only === undefined) {
    if (whole && !report.concerns('pools'))
      report.add(top, '', "there are no pools; expected at least 'pools: { NAME: { upstreams: [...] } }'");
    return [];
  }
  if (mentioned.pools.size > 1 && whole) {
    report.add(top, '', `there are ${mentioned.pools.size} pools, but no 'routes' that say which requests go where`);
  }
  return [{ ...ROUTE_DEFAULTS, pool: only, params: pools.get(only)?.params ?? new Map() }];
}
