/** JSON's null, which is what upstream writes for a time that has not come. The types know only strings. */
export const NO_TIME = null as unknown as string
