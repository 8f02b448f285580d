/** Whether a text is a date of the calendar, with a time or without: `Date.parse` takes 30 February for 2 March. */
export function isDate(text: string): boolean {
  if (Number.isNaN(Date.parse(text))) return false;
  const [, day] = /^\s*(\d{4}-\d{2}-\d{2})/.exec(text) ?? [];
  return day === undefined || new Date(day).getUTCDate() === Number(day.slice(-2));
}
