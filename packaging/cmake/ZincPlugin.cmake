# Building plugins, inside zinc's tree and (installed, through
# find_package(ZincPlugin)) outside of it. Wants the target zinc_headers, and
# ZINC_PLUGIN_OUTPUT and ZINC_LIBDIR: where plugins are built and installed.

# zinc_add_plugin(NAME [MANIFEST FILE.ini.in] SOURCE...): a plugin is a MODULE
# that exports one symbol and imports none of zinc's. The manifest's `library`
# is relative to it: ../NAME.so. @VARIABLES@ in it are replaced.
function(zinc_add_plugin name)
	cmake_parse_arguments(P "" "MANIFEST" "" ${ARGN})
	add_library(${name} MODULE ${P_UNPARSED_ARGUMENTS})
	target_link_libraries(${name} PRIVATE zinc_headers)
	set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
		LIBRARY_OUTPUT_DIRECTORY "${ZINC_PLUGIN_OUTPUT}")
	# The sanitizers' runtime stays with the program that loads the plugin.
	if(NOT ZINC_SANITIZE)
		target_link_options(${name} PRIVATE -Wl,-z,defs)
	endif()
	target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
	install(TARGETS ${name} LIBRARY DESTINATION "${ZINC_LIBDIR}")
	if(TARGET zinc_flags)
		target_link_libraries(${name} PRIVATE zinc_flags)
	else()
		target_compile_definitions(${name} PRIVATE ZINC_PLUGIN_VERSION="${PROJECT_VERSION}")
	endif()
	if(P_MANIFEST)
		get_filename_component(file "${P_MANIFEST}" NAME_WE)
		configure_file("${P_MANIFEST}" "${ZINC_PLUGIN_OUTPUT}/plugins.d/${file}.ini" @ONLY)
		install(FILES "${ZINC_PLUGIN_OUTPUT}/plugins.d/${file}.ini"
			DESTINATION "${ZINC_LIBDIR}/plugins.d")
	endif()
endfunction()
