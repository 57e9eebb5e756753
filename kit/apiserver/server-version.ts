/**
 * What GET /version says. The numbers are those of the API level that the server keeps to, which is what clients compare
 * themselves with; that it is not upstream's build stands behind the plus sign.
 */
export const API_LEVEL = { major: '1', minor: '32' } as const

export function serverVersion() {
  return {
    ...API_LEVEL,
    gitVersion: `v${API_LEVEL.major}.${API_LEVEL.minor}.0+brain-and-muscle`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: `node ${process.version}`,
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  }
}
