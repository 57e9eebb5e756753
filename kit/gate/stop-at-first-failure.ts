/** A setup file: once a test of the file has failed, the others are skipped. One failure is all that a mutant needs. */
import { beforeEach, onTestFailed } from 'vitest'

let failed = false

beforeEach(({ skip }) => {
  skip(failed, 'an earlier test has failed')
  onTestFailed(() => {
    failed = true
  })
})
