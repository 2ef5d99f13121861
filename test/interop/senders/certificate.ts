// A certificate for the loopback that only who is told of it trusts: the senders speak TLS, as they would to a log elsewhere.
import { join } from 'node:path'
import { run } from '../programs.ts'

export interface Certificate {
  /** Files. */
  readonly certificate: string
  readonly key: string
}

/** For 127.0.0.1 and log.example, valid for two days. @throws Error with the output of openssl */
export async function selfSigned(folder: string): Promise<Certificate> {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'certificate.key')]
  const what = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const whose = ['-subj', '/CN=log.example', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:log.example']
  const made = await run('openssl', ['req', ...what, ...whose, '-keyout', key, '-out', certificate])
  if (made.status !== 0) throw new Error(made.all)
  return { certificate, key }
}
