/** Hours in which electricity is cheap, e.g. `22:00-06:00 Europe/Istanbul`. */
export interface Tariff {
  fromMinute: number;
  toMinute: number;
  timeZone: string;
}

/** Reads the setting FRAMEKEEP_CHEAP_TARIFF. @throws RangeError where a time or the zone does not exist */
export function parseTariff(text: string): Tariff {
  const match = /^(\d{2}):(\d{2})-(\d{2}):(\d{2}) (\S+)$/.exec(text);
  const [fromHour = 24, from = 60, toHour = 24, to = 60] = (match ?? []).slice(1, 5).map(Number);
  const timeZone = match?.[5] ?? '';
  if (fromHour > 23 || from > 59 || toHour > 23 || to > 59) throw new RangeError(`no such hours: ${text}`);
  minuteOfDay(0, timeZone); // throws for a zone that does not exist
  return { fromMinute: fromHour * 60 + from, toMinute: toHour * 60 + to, timeZone };
}

/** Whether it is a cheap hour; hours that end before they begin go over midnight. */
export function isCheap(tariff: Tariff, nowMs: number): boolean {
  const { fromMinute, toMinute, timeZone } = tariff;
  const minute = minuteOfDay(nowMs, timeZone);
  return fromMinute <= toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute;
}

function minuteOfDay(ms: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(ms);
  const value = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  return value('hour') * 60 + value('minute');
}
