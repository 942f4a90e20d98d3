# zinc_add_plugin(NAME SOURCES...): a plugin is a MODULE that exports one symbol
# and imports none of zinc's.
function(zinc_add_plugin name)
	add_library(${name} MODULE ${ARGN})
	target_link_libraries(${name} PRIVATE zinc_headers zinc_flags)
	set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
		LIBRARY_OUTPUT_DIRECTORY "${ZINC_PLUGIN_OUTPUT}")
	# The sanitizers' runtime stays with the program that loads the plugin.
	if(NOT ZINC_SANITIZE)
		target_link_options(${name} PRIVATE -Wl,-z,defs)
	endif()
	target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
	install(TARGETS ${name} LIBRARY DESTINATION "${ZINC_LIBDIR}")
endfunction()
