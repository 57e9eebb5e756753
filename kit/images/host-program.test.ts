import { expect, it } from 'vitest'
import { parseLdd } from './host-program.ts'

it('finds libraries and the loader in what ldd prints, for one program or several', () => {
  const listing = [
    '/usr/bin/one:',
    '\tlinux-vdso.so.1 (0x00007f9a7338a000)',
    '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f9a730a7000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007f9a7338c000)',
    '/usr/bin/busybox:',
    '\tnot a dynamic executable',
    '/usr/bin/two:',
    '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f9a730a7001)',
    '\tlibgone.so.1 => not found',
  ].join('\n')
  expect(parseLdd(listing)).toEqual(['/lib/x86_64-linux-gnu/libc.so.6', '/lib64/ld-linux-x86-64.so.2'])
})
