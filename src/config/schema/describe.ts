// The words in which messages say what is expected.

import { some } from '../words.ts';
import { formOf, type Shape } from './build.ts';

export function expected(shape: Shape): string {
  switch (formOf(shape)) {
    case 'value':
      return shape.label ?? 'a value';
    case 'list':
      return shape.items?.label === undefined ? 'a list' : `a list of ${shape.items.label}`;
    case 'map':
      return shape.properties === undefined ? 'a map' : `a map with ${some(Object.keys(shape.properties))}`;
    case 'either':
      return (shape.anyOf ?? [])
        .map((variant, index) => (index > 0 && variant.items ? 'a list of them' : expected(variant)))
        .join(', or ');
  }
}
