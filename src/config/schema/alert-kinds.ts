// The kinds of single values that only alerts have: limits, addresses on the web, and secrets in
// files of their own.

import { ConfigError } from '../../core/errors.ts';
import type { QueueRule } from '../alerts.ts';
import { parseCount, parseShare } from '../quantity.ts';
import { readPrivateLine } from '../values.ts';
import type { Kind } from './build.ts';
import { numeric, PATH, TEXT, VARIABLE } from './kinds.ts';

export const QUEUE_LIMIT: Kind<QueueRule['over']> = {
  label: 'a whole number of at least 1, or a share such as 50%',
  json: numeric('\\d+|\\d+(\\.\\d+)?%'),
  read: (text) =>
    text.endsWith('%') ? { kind: 'share', value: parseShare(text) } : { kind: 'count', value: parseCount(text, 1) },
};

/** One line that names the machine from which messages come. */
export const SENDER_NAME: Kind<string> = {
  ...TEXT,
  read: (text) => {
    if (text.trim() === '' || text.length > 100 || !isPrintable(text)) {
      throw new ConfigError('expected one line of at most 100 characters');
    }
    return text;
  },
};

export const WEBHOOK_URL: Kind<string> = {
  label: 'an http:// or https:// URL',
  json: { type: 'string', pattern: `^(?:https?://.+|${VARIABLE})$` },
  read: parseWebUrl,
};

/** An URL to which more is added. */
export const BASE_URL: Kind<string> = {
  ...WEBHOOK_URL,
  read: (text) => {
    const url = new URL(parseWebUrl(text));
    if (url.search !== '') throw new ConfigError('a base URL has no query');
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  },
};

export const CHAT: Kind<string> = {
  label: "a chat's number, or @CHANNEL",
  json: { type: ['string', 'integer'] },
  read: (text) => {
    if (!/^(?:-?\d{1,20}|@\w{1,64})$/.test(text)) throw new ConfigError('no chat: expected a number, or @CHANNEL');
    return text;
  },
};

/** What is in these files is never part of a message. */
function privateFile(parse: (line: string) => string): Kind<string> {
  return {
    ...PATH,
    label: 'a path of a file that only its owner and group can read',
    read: (text, context) => {
      const line = readPrivateLine(PATH.read(text, context), context.host);
      try {
        return parse(line);
      } catch (error) {
        if (error instanceof ConfigError) throw new ConfigError(`in the file: ${error.message}`);
        throw error;
      }
    },
  };
}

export const URL_FILE = privateFile(parseWebUrl);

export const AUTHORIZATION_FILE = privateFile((line) => line);

export const TOKEN_FILE = privateFile((line) => {
  if (!/^\d{1,20}:[A-Za-z0-9_-]{10,200}$/.test(line)) throw new ConfigError("no bot's token: expected DIGITS:LETTERS");
  return line;
});

/** Messages do not quote it: the path of an URL may be all the secret there is. */
function parseWebUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new ConfigError('not an URL: expected http:// or https:// and a host');
  }
  if (url.username !== '' || url.password !== '') {
    throw new ConfigError("an URL with a password in it; 'authorization_file' names a file for it");
  }
  if (url.hash !== '') throw new ConfigError("an URL with a '#': what follows it would not be sent");
  return url.href;
}

function isPrintable(text: string): boolean {
  return /^[^\p{Cc}\p{Zl}\p{Zp}]*$/u.test(text);
}
