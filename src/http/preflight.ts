/** CORS: any page may send its own key; there are no cookies to protect. @param allow the methods served at the path */
export function preflight(allow: readonly string[]): Response {
  return new Response(null, {
    status: 204,
    headers: {
      allow: allow.join(', '),
      'access-control-allow-origin': '*',
      'access-control-allow-methods': allow.join(', '),
      'access-control-allow-headers': 'Authorization, X-API-Key, Content-Type, Content-Encoding, Accept',
      'access-control-max-age': '86400',
    },
  })
}
