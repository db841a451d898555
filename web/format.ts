import { language, locale, words } from './words/index.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `4 s`, `2 min 5 s`, `1 h 12 min`, `3 d 4 h`: the two largest units, the second left out when zero. */
export function duration(ms: number): string {
  const { s, min, h, d } = words.value.units;
  const whole = Math.max(0, Math.round(ms / secondMs) * secondMs);
  const two = (bigMs: number, big: string, smallMs: number, small: string) => {
    const count = Math.floor(whole / bigMs);
    const rest = Math.floor((whole % bigMs) / smallMs);
    return rest === 0 ? `${count} ${big}` : `${count} ${big} ${rest} ${small}`;
  };
  if (ms > 0 && ms < secondMs) return `${(Math.ceil(ms / 100) / 10).toLocaleString(locale.value)} ${s}`;
  if (whole < minuteMs) return `${whole / secondMs} ${s}`;
  if (whole < hourMs) return two(minuteMs, min, secondMs, s);
  if (whole < dayMs) return two(hourMs, h, minuteMs, min);
  return two(dayMs, d, hourMs, h);
}

/** An age in one unit, since the last one is only noise: `4 s`, `12 min`, `3 h`, `2 d`. */
export function age(ms: number): string {
  const { s, min, h, d } = words.value.units;
  if (ms < minuteMs) return `${Math.max(0, Math.floor(ms / secondMs))} ${s}`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} ${min}`;
  if (ms < 2 * dayMs) return `${Math.floor(ms / hourMs)} ${h}`;
  return `${Math.floor(ms / dayMs)} ${d}`;
}

function format(options: Intl.DateTimeFormatOptions, ms: number): string {
  return new Intl.DateTimeFormat(locale.value, options).format(ms);
}

const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;

/** `14:20` today, `17 Nov 14:20` on another day. */
export function shortTime(ms: number, nowMs: number): string {
  const sameDay = format({ dateStyle: 'short' }, ms) === format({ dateStyle: 'short' }, nowMs);
  return sameDay ? format(clock, ms) : format({ day: 'numeric', month: 'short', ...clock }, ms);
}

/** `14:20:05`, with tenths of a second where a still frame is shown. */
export function clockTime(ms: number, tenths = false): string {
  const digits = tenths ? { fractionalSecondDigits: 1 as const } : {};
  return format({ ...clock, second: '2-digit', ...digits }, ms);
}

/** `14:20`. */
export function hourMinute(ms: number): string {
  return format(clock, ms);
}

/** `Tue 17 Nov`. */
export function dayName(ms: number): string {
  return format({ weekday: 'short', day: 'numeric', month: 'short' }, ms);
}

/** `Tue 17 Nov` of a UTC day. */
export function utcDay(ms: number): string {
  return format({ weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' }, ms);
}

/** `17 November 2026`. */
export function longDate(ms: number): string {
  return format({ dateStyle: 'long' }, ms);
}

/** `17 Nov 2026, 14:20`. */
export function dateTime(ms: number): string {
  return format({ day: 'numeric', month: 'short', year: 'numeric', ...clock }, ms);
}

/** `950 kB`, `1.2 GB`: decimal units, as disks and bills have them. */
export function bytes(count: number): string {
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let value = count / 1000;
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value.toLocaleString(locale.value, { maximumFractionDigits: value < 10 && at > 0 ? 1 : 0 })} ${units[at]}`;
}

/** A share of one, rounded down: 100 % means all. */
export function percent(share: number): string {
  return (Math.floor(share * 10_000) / 10_000).toLocaleString(locale.value, {
    style: 'percent',
    maximumFractionDigits: 2,
  });
}

/** The offset from UTC in force at that instant: `+03`, `+05:30`. Never one offset for a whole day. */
export function zoneOffset(ms: number): string {
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'longOffset' }).formatToParts(ms);
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  return name === 'GMT' ? '+00' : name.replace('GMT', '').replace(/:00$/, '');
}

/** `Europe/Istanbul`. */
export function zoneName(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Sorts and finds names as the chosen language does (İi, Iı). */
export function compareNames(a: string, b: string): number {
  return a.localeCompare(b, language.value, { numeric: true, sensitivity: 'base' });
}

export function nameContains(name: string, part: string): boolean {
  return name.toLocaleLowerCase(language.value).includes(part.trim().toLocaleLowerCase(language.value));
}
