/* dmmv_q8_dot.comp - see dmmv_q8.glsl; with the device's integer dot product. */
#version 460
#extension GL_GOOGLE_include_directive : require
#define INTEGER_DOT
#include "dmmv_q8.glsl"
