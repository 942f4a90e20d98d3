/* dmmv_q8.comp - see dmmv_q8.glsl; for devices without an integer dot product. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "dmmv_q8.glsl"
