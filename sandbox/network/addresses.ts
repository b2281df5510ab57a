/** IP versions. */
export const families = [4, 6] as const
export type Family = (typeof families)[number]

/** An address of each family. */
export type Addresses = Readonly<Record<Family, string>>

/** The line to the servers. */
export const SERVERS = 9

/** Host 1 of a line is the gateway, host 2 who is at its end. */
export function hostOn(line: number, host: number): Addresses {
  return { 4: `10.7.${line}.${host}`, 6: `fd07:${line}::${host}` }
}

/** The networks of a line. */
export function networksOf(line: number): Addresses {
  return { 4: `10.7.${line}.0/24`, 6: `fd07:${line}::/64` }
}

/** The web site, which also resolves names, and gives and takes as much as somebody wants. */
export const site = hostOn(SERVERS, 2)

/** The pay page. */
export const payPage = hostOn(SERVERS, 3)

export const ports = { dns: 53, web: 80, tls: 443, download: 9000, upload: 9001, trickle: 9002 } as const

/** What the web site says, and what the pay page says. */
export const bodies = { site: 'site', pay: 'pay' } as const
