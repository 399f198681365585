// The numbers of the FastCGI 1.0 specification, section 8.

export const VERSION = 1;
export const HEADER_LENGTH = 8;
/** Content length is a 16-bit field (section 3.3). */
export const MAX_CONTENT = 65_535;

/**
 * The request id of the first exchange on a connection. None of the workers we serve multiplexes,
 * so a connection carries one exchange at a time; each has an id of its own, so that what a worker
 * says late is not taken for the next answer.
 */
export const FIRST_REQUEST_ID = 1;
/** Ids are 16-bit (section 3.3), and 0 is taken. */
export const LAST_REQUEST_ID = 65_535;
/** Management records (section 3.3) carry request id 0. */
export const MANAGEMENT_ID = 0;

export const TYPE = {
  BEGIN_REQUEST: 1,
  ABORT_REQUEST: 2,
  END_REQUEST: 3,
  PARAMS: 4,
  STDIN: 5,
  STDOUT: 6,
  STDERR: 7,
  DATA: 8,
  GET_VALUES: 9,
  GET_VALUES_RESULT: 10,
  UNKNOWN_TYPE: 11,
} as const;

export const ROLE_RESPONDER = 1;
export const FLAG_KEEP_CONN = 1;

export const PROTOCOL_STATUS = {
  REQUEST_COMPLETE: 0,
  CANT_MPX_CONN: 1,
  OVERLOADED: 2,
  UNKNOWN_ROLE: 3,
} as const;

/** Bytes that complete `contentLength` to a multiple of 8, as section 3.3 recommends. */
export function paddingFor(contentLength: number): number {
  return -contentLength & 7;
}

/**
 * Writes one record header at `at`; the reserved byte is zeroed, whatever the buffer held (HAProxy
 * commit 2e6bf0a).
 */
export function writeHeader(
  target: Buffer,
  at: number,
  type: number,
  requestId: number,
  contentLength: number,
  paddingLength: number,
): void {
  if (contentLength > MAX_CONTENT || paddingLength > 255) {
    throw new RangeError(`a record cannot hold ${contentLength} content and ${paddingLength} padding bytes`);
  }
  target[at] = VERSION;
  target[at + 1] = type;
  target[at + 2] = requestId >> 8;
  target[at + 3] = requestId & 0xff;
  target[at + 4] = contentLength >> 8;
  target[at + 5] = contentLength & 0xff;
  target[at + 6] = paddingLength;
  target[at + 7] = 0;
}
