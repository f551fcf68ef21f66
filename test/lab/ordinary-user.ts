/**
 * In front of a command: an ordinary user, without any right of root's but to read (a clone may lie in a folder that
 * only root may enter).
 */
export const ordinaryUser: readonly string[] = [
  ...['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'],
  ...['--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search'],
];

/** In front of a command: root, but bound by the permissions of files as everybody is. */
export const boundByPermissions: readonly string[] = ['setpriv', '--bounding-set=-dac_override,-dac_read_search'];
