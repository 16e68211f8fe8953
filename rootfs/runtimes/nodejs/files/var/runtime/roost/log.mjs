// console.* writes one record per call: time, request id, level, message, parted by tabs. Where the host offers a log descriptor a record is a frame
// (big-endian: type, length, microseconds, text) and keeps its line ends; on stdout a record is a line, so line ends inside become carriage returns.
import fs from 'node:fs';
import { format } from 'node:util';
import { errorText } from './errors.mjs';

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const FRAME_TEXT = 0xa55a0003;
const FRAME_JSON = 0xa55a0002;
// Powertools and others read the request id here.
const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');

const isJSON = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';

export function setRequestID(id) {
  globalThis[REQUEST_ID] = id;
}

const describeError = (error) => ({
  errorType: error?.constructor?.name ?? 'UnknownError', errorMessage: error.message,
  stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : [],
});

function jsonRecord(time, level, args) {
  const record = { timestamp: time, level, requestId: globalThis[REQUEST_ID] };
  if (args.length === 1) {
    try {
      return JSON.stringify({ ...record, message: args[0] }, (_, value) =>
        value instanceof Error ? { ...describeError(value), ...value } : value);
    } catch {
      return JSON.stringify({ ...record, message: format(args[0]) }); // a cycle, a BigInt
    }
  }
  const error = args.find((arg) => arg instanceof Error);
  return JSON.stringify({ ...record, message: format(...args), ...(error && describeError(error)) });
}

const textRecord = (time, level, args) => `${time}\t${globalThis[REQUEST_ID]}\t${level}\t${format(...args)}`;

function lineWriter(text) {
  process.stdout.write(`${text.replaceAll('\n', '\r')}\n`);
}

function writeAll(descriptor, bytes) {
  for (let written = 0; written < bytes.length; ) written += fs.writeSync(descriptor, bytes, written);
}

const frameWriter = (descriptor) => (text, level, now) => {
  const body = Buffer.from(isJSON ? text : `${text}\n`);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(((isJSON ? FRAME_JSON : FRAME_TEXT) | ((LEVELS.indexOf(level) + 1) << 2)) >>> 0, 0);
  head.writeUInt32BE(body.length, 4);
  head.writeBigUInt64BE(BigInt(now.valueOf()) * 1000n, 8);
  writeAll(descriptor, Buffer.concat([head, body]));
};

export function patchConsole() {
  const descriptor = process.env._LAMBDA_TELEMETRY_LOG_FD;
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
  const write = descriptor === undefined ? lineWriter : frameWriter(Number(descriptor));
  const record = isJSON ? jsonRecord : textRecord;
  const least = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));
  LEVELS.forEach((level, rank) => {
    console[level.toLowerCase()] = (...args) => {
      if (rank < least) return;
      const now = new Date();
      write(record(now.toISOString(), level, args), level, now);
    };
  });
  console.log = console.info;
}

/** A fault of the function, in the log. The tab before the text is AWS's. */
export function logError(title, error) {
  if (isJSON) console.error(error instanceof Error ? error : new Error(error));
  else console.error(title, `\t${errorText(error)}`);
}
