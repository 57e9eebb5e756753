/** Five characters that no word is made of: no vowels, nothing that looks like another. Source: apimachinery `pkg/util/rand`. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

export function randomSuffix(random: () => number): string {
  return Array.from({ length: 5 }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join('')
}
