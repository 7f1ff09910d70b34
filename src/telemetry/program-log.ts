// The program's own log on standard error: lines for people on a terminal, JSON elsewhere.
import { type Level, pino } from 'pino';
import type { Log, LogFields } from '#lib/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Returns a log that drops what is less severe than `level`. */
export function createProgramLog(level: LogLevel, toTerminal: boolean): Log & { setLevel(level: LogLevel): void } {
  const stream = toTerminal
    ? { write: (line: string) => void process.stderr.write(forPeople(line)) }
    : pino.destination({ fd: 2, sync: true });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  const write =
    (severity: Level) =>
    (message: string, fields: LogFields = {}) =>
      logger[severity](fields, message);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    setLevel(next) {
      logger.level = next;
    },
  };
}

/** `10:15:30 warn  endpoint ejected upstream=api endpoint=127.0.0.1:9001` */
function forPeople(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const facts = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg)}${facts.join('')}\n`;
}
