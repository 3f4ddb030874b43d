const INSTANT = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** "20261122T130513Z": how apt and archives of archives write an instant in an address; undefined for anything else. */
export function parseInstant(text: string): Date | undefined {
  const [, year, month, day, hour, minute, second] = INSTANT.exec(text) ?? [];
  if (year === undefined) return undefined;

  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // 30 February is 2 March for Date: no instant at all here.
  return Number.isNaN(date.getTime()) || formatInstant(date) !== text ? undefined : date;
}

export function formatInstant(date: Date): string {
  return date.toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
