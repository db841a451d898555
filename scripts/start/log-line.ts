/** One line of a child's log. */
export interface LogLine {
  level: 'info' | 'warning' | 'error';
  message: string;
}

/** pino's numbers: 30 info, 40 warn, 50 error, 60 fatal. */
const warnLevel = 40;
const errorLevel = 50;

/** Reads a line; null when it is no log entry: a crash's stack, or what some library printed. */
export function readLogLine(line: string): LogLine | null {
  const entry = parse(line);
  if (entry === null) return null;
  const level = Number(entry['level']);
  const parts = [
    entry['msg'],
    typeof entry['cameraId'] === 'string' ? `camera ${entry['cameraId']}` : '',
    errorOf(entry),
  ];
  return {
    level: level >= errorLevel ? 'error' : level >= warnLevel ? 'warning' : 'info',
    message: parts.filter((part) => typeof part === 'string' && part !== '').join(' · '),
  };
}

/** The line of a crash's output that says what it was: the last one that names an error, or else the last one. */
export function lastError(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const plain = lines.filter((line) => parse(line) === null);
  const named = plain.findLast((line) => /^\w*Error\b/.test(line)) ?? plain.findLast((line) => !/^[\s}]/.test(line));
  return named ?? readLogLine(lines.at(-1) ?? '')?.message ?? 'it said nothing';
}

function errorOf(entry: Record<string, unknown>): string {
  const error = entry['err'] ?? entry['error'];
  if (typeof error === 'string') return error;
  const message = (error as { message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? message : '';
}

function parse(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
