import { misfit, UnstorableTime, UnstorableValue } from './postgres-text.ts';

// PostgreSQL counts from 2000-01-01; its range is 4713 BC to 294276 AD.
const epochMs = Date.UTC(2000, 0, 1);
const earliestMs = Date.UTC(-4712, 0, 1);
const latestMs = Date.UTC(275_760, 8, 12);
const isoTime =
  /^([+-]?\d{4,6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?(?:\s*(BC))?$/i;

/** What stands for `infinity` and `-infinity`. */
export const never = { late: 2n ** 63n - 1n, early: -(2n ** 63n) };

/**
 * A time as PostgreSQL stores it: microseconds since 2000-01-01 UTC, of a Date, a number of milliseconds, or ISO 8601 text;
 * finer digits are cut off.
 *
 * @throws {UnstorableTime} for what is outside of the years that PostgreSQL has.
 * @throws {UnstorableValue} for what is no time.
 */
export function postgresMicroseconds(value: unknown): bigint {
  if (value instanceof Date) return ofMilliseconds(value.getTime(), value);
  if (typeof value === 'number') return ofMilliseconds(value, value);
  if (typeof value !== 'string') throw misfit(value, 'a time');
  const named = { infinity: never.late, '-infinity': never.early }[value.trim().toLowerCase()];
  if (named !== undefined) return named;
  const parts = isoTime.exec(value.trim());
  if (parts === null) throw misfit(value, 'a time');
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z', era] = parts;
  // There is no year 0: 1 BC is the one before 1.
  const counted = era === undefined ? Number(year) : 1 - Number(year);
  const ms =
    utc(counted, Number(month), Number(day), Number(hour), Number(minute), Number(second), value) - zoneMs(zone);
  return ofMilliseconds(ms, value) + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}

function ofMilliseconds(ms: number, value: unknown): bigint {
  if (Number.isNaN(ms)) throw misfit(value, 'a time');
  if (ms < earliestMs || ms > latestMs) throw outOfRange(value, ms > latestMs);
  const whole = Math.floor(ms);
  return BigInt(whole - epochMs) * 1000n + BigInt(Math.floor((ms - whole) * 1000));
}

function outOfRange(value: unknown, isLate: boolean): UnstorableTime {
  const shown = value instanceof Date ? value.toISOString() : String(value);
  return new UnstorableTime(`${shown} is out of range for a time`, isLate);
}

function utc(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  value: string,
): number {
  if (Math.abs(year) > 270_000) throw outOfRange(value, year > 0);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // 30 February and 25 o'clock would silently become another day.
  const wrong =
    date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 24 || minute > 59 || second > 60;
  if (wrong || (hour === 24 && (minute > 0 || second > 0)))
    throw new UnstorableValue(`${value} is no time that exists`);
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

function zoneMs(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
