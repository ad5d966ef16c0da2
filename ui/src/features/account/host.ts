// Names and addresses of computers as people type them.

const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const IPV6 = /^\[[0-9a-f:.]+\]$/i;

/** Whether it is a name or an address of a computer. */
export function isHost(text: string): boolean {
  return HOST.test(text) || IPV6.test(text);
}

/** Whether it is one, with a port or without. */
export function isHostAndPort(text: string): boolean {
  const port = /:(\d{1,5})$/.exec(text);
  if (!port) return isHost(text);
  const number = Number(port[1]);
  return number > 0 && number < 65_536 && isHost(text.slice(0, port.index));
}
