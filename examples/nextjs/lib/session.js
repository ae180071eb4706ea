/** Users of this application. Yours are in its database. */
export const users = [
  { id: 'ada', name: 'Ada Lovelace' },
  { id: 'bob', name: 'Robert' },
]

/**
 * Returns the user of a request, or undefined. Ask the sessions of your application here, such as `auth()` of Auth.js. This one
 * believes the cookie.
 */
export function userOf(request) {
  const id = /(?:^|; )session=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1]
  return users.find((user) => user.id === id)
}
