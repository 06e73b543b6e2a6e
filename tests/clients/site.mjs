// A clinic's site: the example host, and TLS in front of it that passes bytes on and knows nothing else.
//
//   node site.mjs HOST DATABASE KEY CERTIFICATE
//
// Its first line is its address, which it has made the issuer; then it is the host's console. It ends with
// its standard input, as the host does.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const [program, database, key, certificate] = process.argv.slice(2);

const host = spawn(program, [database], { stdio: ['pipe', 'pipe', 'inherit'] });
host.on('exit', (code) => process.exit(code ?? 1));
const port = Number(/:(\d+)\n$/.exec(await line())[1]);

const secrets = { key: readFileSync(key), cert: readFileSync(certificate) };
// Without noDelay a body that comes after its headers waits 40 ms.
const front = tls.createServer({ ...secrets, noDelay: true }, (outer) => {
  const inner = net.connect({ port, host: '127.0.0.1', noDelay: true });
  for (const [one, other] of [[outer, inner], [inner, outer]]) {
    one.pipe(other);
    one.on('error', () => other.destroy());
  }
});
front.listen(0, 'localhost');
await once(front, 'listening');
const issuer = `https://localhost:${front.address().port}`;

host.stdin.write(`settings.set ${JSON.stringify({ issuer })}\n`);
if (JSON.parse(await line()).issuer !== issuer) throw new Error('the issuer was not set');
console.log(issuer);
process.stdin.pipe(host.stdin);
host.stdout.pipe(process.stdout);

// The host's next line; it says nothing unasked.
async function line() {
  let text = '';
  while (!text.endsWith('\n')) text += (await once(host.stdout, 'data'))[0];
  return text;
}
