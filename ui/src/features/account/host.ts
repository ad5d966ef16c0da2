// Names and addresses of computers as people type them.

const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const IPV6 = /^\[[0-9a-f:.]+\]$/i;

/** Whether it is a name or an address of a computer. */
export function isHost(text: string): boolean {
  return HOST.test(text) || IPV6.test(text);
}

/** Whether it names a TURN server: such a host, or a URI of RFC 7065. */
export function isTurnServer(text: string): boolean {
  if (isHostAndPort(text)) return true;
  const uri = /^(turns?):([^?]+)(\?transport=(udp|tcp))?$/i.exec(text);
  if (!uri) return false;
  const dtls = uri[1]?.toLowerCase() === "turns" && uri[4]?.toLowerCase() === "udp";
  return !dtls && isHostAndPort(uri[2] ?? "");
}

/** Whether it is one, with a port or without. */
export function isHostAndPort(text: string): boolean {
  const port = /:(\d{1,5})$/.exec(text);
  if (!port) return isHost(text);
  const number = Number(port[1]);
  return number > 0 && number < 65_536 && isHost(text.slice(0, port.index));
}
