/** Where the demo leaves what it makes; git ignores it. */
export const demoFolder = '.demo';
