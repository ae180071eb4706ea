/**
 * TypeBox, of which the build makes one file: Node would load its more than 300 modules at each start, which takes longer than
 * all other modules of a service.
 */
export { default as Type, type Static, type TSchema } from 'typebox'
export { Compile, type Validator } from 'typebox/compile'
export { default as Value } from 'typebox/value'
