/** Edge: loopback sockets. How an ACME server looks for proofs (RFC 8555 8.3, RFC 8737). */
import { createHash } from 'node:crypto';
import { get } from 'node:http';
import { connect } from 'node:tls';
import { findExtension } from '../../src/tls/der.ts';

export function validateHttp(
  port: number,
  order: { readonly hostName: string; readonly token: string },
  expected: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `/.well-known/acme-challenge/${order.token}`;
    const headers = { host: order.hostName };
    get({ host: '127.0.0.1', port, path, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const received = Buffer.concat(chunks).toString().trim();
        if (incoming.statusCode === 200 && received === expected) resolve();
        else reject(new Error(`${incoming.statusCode} ${received}`));
      });
    }).on('error', reject);
  });
}

export function validateTlsAlpn(port: number, hostName: string, expected: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: hostName,
      ALPNProtocols: ['acme-tls/1'],
      rejectUnauthorized: false,
    });
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      const { raw, subjectaltname } = socket.getPeerCertificate();
      const digest = createHash('sha256').update(expected).digest();
      const wanted = Buffer.concat([Buffer.from([4, 32]), digest]);
      const found = findExtension(raw, '1.3.6.1.5.5.7.1.31');
      const isRight =
        socket.alpnProtocol === 'acme-tls/1' &&
        subjectaltname === `DNS:${hostName}` &&
        found !== undefined &&
        wanted.equals(found);
      socket.destroy();
      if (isRight) resolve();
      else reject(new Error(`${socket.alpnProtocol} ${subjectaltname}`));
    });
  });
}
