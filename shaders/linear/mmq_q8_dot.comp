/* mmq_q8_dot.comp - see mmq_q8.glsl; with the device's integer dot product. */
#version 460
#extension GL_GOOGLE_include_directive : require
#define INTEGER_DOT
#include "mmq_q8.glsl"
